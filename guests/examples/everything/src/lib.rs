//! Every option of the SDK in one worker.
