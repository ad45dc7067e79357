//! Reads golden cases from files in several formats, and compares responses with the expected responses.
//!
//! | module | content |
//! | --- | --- |
//! | [`sources`] | finds the files at a path |
//! | [`read`] | reads the cases of a file, within limits |
//! | [`case`], [`shapes`], [`response`] | a case, its JSON formats, the response to it |
//! | [`typescript`] | reads rudder-transformer's own test files |
//! | [`compare`], [`differences`] | compares two JSON values, and collects the differences |
//! | [`intended`] | the intended differences from rudder-transformer, and the requests to which they apply |
//! | [`verdict`] | decides whether a response is the expected one, apart from intended differences |
//! | [`run`] | iterates over all cases of all files |
//! | [`record`] | writes golden files |
//! | [`junit`] | JUnit XML reports |

#[cfg(feature = "cases")]
pub mod case;
pub mod compare;
pub mod differences;
pub mod intended;
#[cfg(feature = "cases")]
pub mod junit;
#[cfg(feature = "cases")]
pub mod read;
#[cfg(feature = "cases")]
pub mod record;
#[cfg(feature = "cases")]
pub mod response;
#[cfg(feature = "cases")]
pub mod run;
#[cfg(feature = "cases")]
pub mod shapes;
#[cfg(feature = "cases")]
pub mod sources;
#[cfg(feature = "cases")]
pub mod typescript;
#[cfg(feature = "cases")]
pub mod unreadable;
#[cfg(feature = "cases")]
pub mod verdict;
