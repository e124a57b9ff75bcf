//! collector_config
