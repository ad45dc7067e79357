//! The rules of the contract, one module per rule.
//!
//! | rule | module |
//! | --- | --- |
//! | docs/contract.md#reverse-etl-timestamp | [`retl_timestamp`] |
//! | docs/contract.md#dynamic-configuration | [`templates`] finds templates, [`path_tree`] their values, [`dynamic_config`] fills them |
//! | docs/contract.md#integrations-object | [`integrations`] |
//! | docs/contract.md#topic | [`topic`], with [`topic_setting`] and [`topic_map`] for what a destination sets |
//! | docs/contract.md#partition-key | [`partition_key`] |
//!
//! [`cuts`] removes fields from a text, [`lazy_object`] does so for unusual events. [`emptiness`] decides which values are
//! empty, and [`config_value`] has the filled values of a Config.

pub mod config_value;
pub mod cuts;
pub mod dynamic_config;
pub mod emptiness;
pub mod integrations;
pub mod lazy_object;
pub mod partition_key;
pub mod path_tree;
pub mod retl_timestamp;
pub mod templates;
pub mod topic;
pub mod topic_map;
pub mod topic_setting;
