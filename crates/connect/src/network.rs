//! From a name to addresses, and from addresses to a connection.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpStream, lookup_host};

use super::os_error;
use super::problem::Problem;
use super::step::Failure;
use check::destination::Address;

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

/// The addresses of a host, in the order in which the system wants them tried.
///
/// # Errors
/// There are none, or the DNS fails. Time is not bounded here.
pub(super) async fn resolve(address: &Address) -> Result<Vec<SocketAddr>, Failure> {
    let host = &address.host;
    // The producer takes blanks for a part of the name; the system's library may leave them out.
    if host.contains(char::is_whitespace) {
        let text = format!("the name {host:?} does not resolve: the blanks are a part of it");
        return Err(Failure::new(Problem::NameNotFound, text));
    }
    let mut addresses = Vec::new();
    match lookup_host((host.as_str(), address.port)).await {
        Ok(found) => {
            for found in found.take(MAX_ADDRESSES) {
                if !addresses.contains(&found) {
                    addresses.push(found);
                }
            }
        }
        // The system's library tells this one apart in words only.
        Err(error) if error.to_string().contains("emporary failure") => {
            return Err(Failure::new(Problem::DnsFailed, format!("the DNS has no answer for {host} at the moment")));
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(Failure::new(Problem::NameNotFound, format!("{host} is no name that can be looked up")));
        }
        Err(_) => {}
    }
    if addresses.is_empty() {
        return Err(Failure::new(Problem::NameNotFound, format!("the name {host} does not resolve to an address")));
    }
    Ok(addresses)
}

/// A connection to the first of these addresses that takes one, and the words of those before it that did not.
///
/// # Errors
/// None takes one; the first says why.
pub(super) async fn connect(addresses: &[SocketAddr]) -> Result<(TcpStream, Vec<String>), Failure> {
    let mut refusals: Vec<(Problem, String)> = Vec::new();
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true).ok();
                return Ok((stream, refusals.into_iter().map(|(_, text)| text).collect()));
            }
            Err(error) => refusals.push(refused(*address, &error)),
        }
    }
    let problem = refusals.first().map_or(Problem::Unreachable, |(problem, _)| *problem);
    let texts: Vec<_> = refusals.into_iter().map(|(_, text)| text).collect();
    Err(Failure::new(problem, texts.join("; ")))
}

fn refused(address: SocketAddr, error: &io::Error) -> (Problem, String) {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            (Problem::ConnectionRefused, format!("{address} refuses the connection: nobody listens on this port"))
        }
        io::ErrorKind::TimedOut => (Problem::ConnectTimeout, format!("{address} does not answer")),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable => {
            (Problem::Unreachable, format!("no way leads to {address}"))
        }
        _ => (Problem::Unreachable, format!("{address} cannot be connected to: {}", os_error::describe(error))),
    }
}

/// Whether an address leads nowhere but to the machine that asks.
pub(super) fn leads_home(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}
