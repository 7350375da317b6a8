//! Budgets.
//!
//! Each instance has a budget, which the operator sets in the policy under `[budget]`. What is over a limit
//! fails with the code `busy`, is dropped and counted, or ends the instance, as the table says.
//!
//! | budget | bounds | beyond it |
//! |---|---|---|
//! | `memory` | memory, buffers and handles together | an allocation fails, which ends the instance |
//! | `cpu-share`, `cpu-burst-ms` | cores on average, and time ahead of that | the instance is slowed down |
//! | `cpu-spin-ms` | computing without finishing a turn or a call | ends the instance |
//! | `start-deadline-ms`, `config-deadline-ms`, `state-deadline-ms` | the hooks | the hook fails |
//! | `call-deadline-ms` | one call | the call is cancelled, and fails |
//! | `call-deadline-cap-ms` | one call of a node with a `timeout` of its own | the same |
//! | `cancel-grace-ms` | what a cancelled call does to clean up | the worker ends |
//! | `stop-deadline-ms` | the hook `stop` | the instance is dropped all the same |
//! | `calls`, `mailbox` | calls at once, and what waits | `busy` |
//! | `handles`, `sockets` | what is open | an open fails |
//! | `value-size` | all inputs, or all outputs, of a call together | the call fails |
//! | `state-size` | what `save` returns | the save fails |
//! | `log-lines-per-second`, `log-bytes-per-second` | the log | lines are dropped and counted |
//! | `events-per-second`, `event-bytes-per-second`, `event-size` | events, and changes of nodes | `busy` |
//! | `restarts` | starts after a trap | the instance stays down |
//!
//! `ewh policy schema` prints the numbers that hold without a policy. What a worker can do about them: check the
//! length of what comes in before it makes room for it, let long computations wait with
//! [`sleep`](crate::sleep) now and then, send pictures as PNG rather than as arrays, and treat `busy` as a
//! reason to try again later.
