/** How the page looks, on a screen and on paper. Colour never carries meaning alone: a word stands beside it. */
export const STYLE = `
:root { --ink: #1c2733; --soft: #5b6b7b; --line: #d9e0e6; --paper: #fff; --band: #f3f6f8;
  --done: #2b6c99; --already: #9fbbcd; --bad: #b3261e; --doubt: #b86e00; --undone: #7d63a8; --good: #1d7a46; }
* { box-sizing: border-box; }
body { margin: 0; background: #e9edf0; color: var(--ink); font: 14px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1160px; margin: 24px auto; background: var(--paper); padding: 36px 40px 48px; box-shadow: 0 1px 4px #0002; }
header { border-bottom: 2px solid var(--ink); padding-bottom: 14px; margin-bottom: 22px; }
h1 { font-size: 25px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 16px; margin: 34px 0 10px; padding-bottom: 4px; border-bottom: 1px solid var(--line); }
.under { color: var(--soft); margin: 0; }
.verdict { display: inline-block; padding: 2px 12px; border-radius: 3px; color: #fff; font-weight: 600; font-size: 14px;
  vertical-align: 4px; margin-left: 10px; background: var(--doubt); }
.verdict.good { background: var(--good); } .verdict.bad { background: var(--bad); }
.cards { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin: 0; }
.cards div { background: var(--band); border-left: 4px solid var(--done); padding: 10px 14px; }
.cards .bad { border-color: var(--bad); } .cards .good { border-color: var(--good); } .cards .doubt { border-color: var(--doubt); }
.cards dt { color: var(--soft); font-size: 12px; } .cards dd { margin: 0; font-size: 21px; font-weight: 600; line-height: 1.3; }
.cards small { display: block; font-size: 12px; font-weight: 400; color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th { text-align: left; color: var(--soft); font-weight: 600; border-bottom: 1px solid var(--line); padding: 4px 8px 4px 0; }
td { vertical-align: top; border-bottom: 1px solid var(--line); padding: 5px 8px 5px 0; overflow-wrap: anywhere; }
th.number { width: 1%; } td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.short { white-space: nowrap; }
.outcome { font-weight: 600; } .outcome.done, .outcome.already { color: var(--good); } .outcome.failed, .outcome.undo-failed, .stop { color: var(--bad); }
.outcome.unknown, .outcome.undone, .warn { color: var(--doubt); } .outcome.not-run { color: var(--soft); font-weight: 400; }
.remedy { color: var(--soft); display: block; }
code, pre { font: 12px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { background: var(--band); padding: 10px 12px; margin: 4px 0; white-space: pre-wrap; overflow-wrap: anywhere; }
details summary { cursor: pointer; color: var(--soft); }
.timeline { width: 100%; height: auto; display: block; }
.timeline text { font: 11.5px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--ink); }
.axis line { stroke: var(--line); } .axis text { fill: var(--soft); text-anchor: middle; }
.lane-head { fill: var(--band); } .timeline .lane-name { font-weight: 600; }
.timeline .seconds { fill: var(--soft); }
.bar, .legend i { fill: var(--done); background: var(--done); }
.bar.already, i.already { fill: var(--already); background: var(--already); }
.bar.failed, .bar.undo-failed, i.failed, i.undo-failed { fill: var(--bad); background: var(--bad); }
.bar.unknown, .bar.running, i.unknown, i.running { fill: var(--doubt); background: var(--doubt); }
.bar.undone, i.undone { fill: var(--undone); background: var(--undone); }
.no-return line { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 5 3; } .timeline .no-return text { fill: var(--bad); text-anchor: end; font-weight: 600; }
.legend { color: var(--soft); font-size: 12px; margin: 6px 0 0; } .legend span { margin-right: 16px; }
.legend i { display: inline-block; width: 14px; height: 10px; border-radius: 2px; margin-right: 5px; }
.forecast { position: relative; background: var(--band); height: 12px; min-width: 160px; }
.forecast b { position: absolute; left: 0; top: 0; height: 7px; background: var(--done); } .forecast i { position: absolute; left: 0; top: 8px; height: 4px; background: var(--already); }
ul.open { margin: 0; padding-left: 20px; }
footer { margin-top: 36px; color: var(--soft); font-size: 12px; border-top: 1px solid var(--line); padding-top: 8px; }
@page { size: A4 landscape; margin: 12mm; }
@media print { body { background: none; } main { box-shadow: none; margin: 0; padding: 0; max-width: none; } tr, .row, .cards { break-inside: avoid; } }
`
