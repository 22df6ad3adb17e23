//! What Sekisho's integration tests share.
