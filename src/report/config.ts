/** `poolctl.config-show/v1`: the settings in effect. */
import type {Json} from '../lib/json.js'

export type ConfigShowData = {
  path: string
  /** How the file was chosen, e.g. `--config` or `current directory`. */
  because: string
  settings: {key: string; value: Json; origin: 'file' | 'default'; line: number | null}[]
}
