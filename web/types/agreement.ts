// The client's state keeps what comes over the wire: tsc fails here where a field has another name or type there.

import type * as roles from '../app/roles.js';
import type * as state from '../app/store.js';
import type * as wire from './wire.js';

/** `true`, or the fields that differ. `Own` are those that the client adds. */
type Agrees<Kept, Sent, Own extends keyof Kept = never> = Sent extends Partial<Omit<Kept, Own>>
  ? Exclude<keyof Kept, keyof Sent | Own> extends never
    ? true
    : Exclude<keyof Kept, keyof Sent | Own>
  : Sent;

export const AGREEMENTS: [
  Agrees<state.Server, wire.Server, 'my_timeout_until'>,
  Agrees<state.Channel, wire.LoggedChannel>,
  Agrees<roles.Role, wire.Role>,
  Agrees<state.Person, wire.PublicProfile>,
  Agrees<state.Profile, wire.Profile>,
  Agrees<state.ReactionCount, wire.ReactionCount>,
  Agrees<state.Message, wire.Message, 'reactors'>,
] = [true, true, true, true, true, true, true];
