//! The layer between a listener and the framework's HTTP parser: ports, TLS, and a transport that hands over one
//! request per connection at a time.

pub mod framing;
pub mod port;
pub mod stream;
pub mod tls;
