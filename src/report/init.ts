/** `poolctl.init/v1`: the file that was written and what is left to fill in. */
export type InitData = {path: string; nodes: number[]; open: {node: number; what: string}[]}
