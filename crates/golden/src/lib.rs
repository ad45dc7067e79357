//! Golden cases: reading them from files of several shapes, and comparing responses with what they expect.
//!
//! | module | content |
//! | --- | --- |
//! | [`sources`] | which files a path stands for |
//! | [`read`] | the cases of a file, within limits |
//! | [`case`], [`shapes`], [`answer`] | a case, its forms in JSON, the response to it |
//! | [`typescript`] | reads the reference's own test files |
//! | [`compare`], [`differences`] | compares two JSON values, and collects what differs |
//! | [`intended`] | the intended differences from the reference, and which of them a request may have |
//! | [`verdict`] | whether a response is the expected one, or differs on purpose |
//! | [`run`] | iterates over all cases |
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
