//! Nothing: the mistakes are examples.
