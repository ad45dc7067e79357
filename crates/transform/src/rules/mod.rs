//! The rules of the contract: one file per rule, and the values that they work on.
//!
//! | rule | module |
//! | --- | --- |
//! | docs/contract.md#reverse-etl-timestamp | [`retl_timestamp`] |
//! | docs/contract.md#dynamic-configuration | [`templates`] finds templates, [`dynamic_config`] fills them |
//! | docs/contract.md#integrations-object | [`integrations`] |
//! | docs/contract.md#topic | [`topic`], with [`topic_setting`] and [`topic_map`] for what a destination sets |
//! | docs/contract.md#partition-key | [`partition_key`] |
//!
//! [`lazy_object`] is an event while templates remove values from it, [`emptiness`] reports which values count as empty, and
//! [`config_value`] has the values of a Config with the templates in them filled.

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
