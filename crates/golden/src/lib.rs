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

pub mod answer;
pub mod case;
pub mod compare;
pub mod differences;
pub mod intended;
pub mod junit;
pub mod read;
pub mod record;
pub mod run;
pub mod shapes;
pub mod sources;
pub mod typescript;
pub mod unreadable;
pub mod verdict;
