//! The rules of the contract, one module per rule.
//!
//! | rule | module |
//! | --- | --- |
//! | docs/contract.md#reverse-etl-timestamp | [`retl_timestamp`] |
//! | docs/contract.md#dynamic-configuration | [`template`], [`templates`], [`path_tree`], [`dynamic_config`] |
//! | docs/contract.md#integrations-object | [`integrations`] |
//! | docs/contract.md#topic | [`topic`], [`topic_setting`], [`topic_map`] |
//! | docs/contract.md#partition-key | [`partition_key`] |
//!
//! [`template`] reads a template, [`templates`] finds all templates of a Config, [`path_tree`] finds the values of the
//! templates, and [`dynamic_config`] fills the templates. [`cuts`] removes fields from the text of events that
//! [`path_tree`] supports, and [`lazy_object`] removes fields from all other events. [`emptiness`] decides whether a
//! value is empty, and [`config_value`] contains the filled values of a Config.

pub mod config_value;
pub mod cuts;
pub mod dynamic_config;
pub mod emptiness;
pub mod integrations;
pub mod lazy_object;
pub mod partition_key;
pub mod path_tree;
pub mod retl_timestamp;
pub mod template;
pub mod templates;
pub mod topic;
pub mod topic_map;
pub mod topic_setting;
