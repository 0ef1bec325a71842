/** Who may import whom (docs/architecture.md). Type imports count. Each rule says what would go wrong without it. */
const room = (name) => `^src/${name}/`
const only = (name, allowed, comment) => ({
  name: `${name}-imports`,
  severity: 'error',
  comment,
  from: {path: room(name)},
  to: {path: '^src/', pathNot: [name, ...allowed].map(room)},
})
const home = (pkg, rooms, comment) => ({
  name: `${pkg.replace(/\W+/g, '-')}-has-one-home`,
  severity: 'error',
  comment,
  from: {path: '^src/', pathNot: rooms.map(room)},
  to: {path: pkg},
})

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'A cycle has no inside: neither file can be read or tested first.',
      from: {},
      to: {circular: true},
    },
    {
      name: 'no-orphans',
      severity: 'error',
      comment: 'A file that nobody imports is dead, or a command in the wrong place.',
      from: {orphan: true, path: '^src/', pathNot: ['^src/commands/', '^src/cli/main\\.ts$']},
      to: {},
    },
    {
      name: 'src-not-test',
      severity: 'error',
      comment: 'What ships must not need what tests.',
      from: {path: '^src/'},
      to: {path: '^test/'},
    },
    {
      name: 'operations-are-siblings',
      severity: 'error',
      comment: 'A verb that imports a verb drags its whole plan along; what two verbs share is a step or a noun.',
      from: {path: '^src/operations/([^/]+)/'},
      to: {path: '^src/operations/[^/]+/', pathNot: '^src/operations/$1/'},
    },
    only('lib', [], 'lib is domain-free: the moment it knows a node, it is a drawer.'),
    only('cluster', ['lib'], 'Nouns know nothing of how they are read.'),
    only(
      'ports',
      ['cluster', 'lib'],
      'A port speaks nouns; an adapter type in it would let the adapter in everywhere.',
    ),
    only('engine', ['lib', 'ports'], 'The engine runs any plan; a domain word in it would make it run only ours.'),
    only(
      'steps',
      ['engine', 'cluster', 'ports', 'lib'],
      'A step acts through ports, so that the crash matrix can run it on fakes.',
    ),
    only(
      'operations',
      ['steps', 'engine', 'cluster', 'ports', 'report', 'lib'],
      'Operations decide; an adapter in here could not be decided about without a server.',
    ),
    only('pcp', ['ports', 'cluster', 'lib'], 'The protocol is a library of its own.'),
    only('postgres', ['ports', 'cluster', 'lib'], 'SQL answers named questions and knows no plan.'),
    only('hosts', ['ports', 'cluster', 'templates', 'lib'], 'Machines do as they are told and know no plan.'),
    only('journal', ['ports', 'cluster', 'lib'], 'A record is read when all else is broken: it needs nothing.'),
    only('templates', ['cluster', 'lib'], 'Scripts are filled from values, not from the world.'),
    only(
      'lab',
      ['ports', 'cluster', 'postgres', 'lib'],
      'The lab builds a site; it must not share code with what is tested on it.',
    ),
    only('report', ['engine', 'cluster', 'ports', 'lib'], 'A report is data.'),
    only(
      'output',
      ['report', 'engine', 'cluster', 'ports', 'lib'],
      'Rendering is value to string; a server in it would make printing fail.',
    ),
    {
      name: 'commands-imports',
      severity: 'error',
      comment: 'A command hands over; what it builds itself cannot be shared or tested without argv.',
      from: {path: room('commands')},
      to: {
        path: '^src/',
        pathNot: ['commands', 'cli', 'operations', 'output', 'report', 'cluster', 'lab', 'lib'].map(room),
      },
    },
    home('node_modules/ssh2', ['hosts'], 'Host keys are checked in one place.'),
    home('node_modules/pg(/|-)', ['postgres'], 'No query text escapes the room that owns it.'),
    home('^(node:)?net$', ['pcp', 'lab', 'hosts'], 'Sockets have deadlines, and deadlines have one owner.'),
    home(
      '^(node:)?child_process$',
      ['hosts', 'lab', 'cli'],
      'A child process is a quoting question. cli starts only this program itself, for --no-wait.',
    ),
    home(
      'node_modules/listr2',
      ['output'],
      'listr2 only draws; if it ran steps, Ctrl-C would exit 127 between act and journal.',
    ),
    home(
      'node_modules/@inquirer',
      ['cli'],
      'A prompt defaults to Yes unless told otherwise, so there is one place that tells it.',
    ),
    home('node_modules/@oclif', ['cli', 'commands'], 'Nothing inside knows that a command line exists.'),
    home('node_modules/yaml', ['cluster'], 'The cluster file is parsed once.'),
  ],
  options: {
    doNotFollow: {path: 'node_modules'},
    tsPreCompilationDeps: true,
    tsConfig: {fileName: 'tsconfig.test.json'},
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
