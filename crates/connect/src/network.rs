//! Resolves names, and opens TCP connections.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpStream, lookup_host};

use super::os_error;
use super::problem::Problem;
use super::step::Failure;
use check::destination::Address;

/// The maximum number of addresses that are tried per name.
const MAX_ADDRESSES: usize = 16;

/// Resolves a host to addresses, in the order that the system prefers.
///
/// # Errors
/// Fails if the host has no addresses, or if DNS fails. This function has no timeout.
pub(super) async fn resolve(address: &Address) -> Result<Vec<SocketAddr>, Failure> {
    let host = &address.host;
    // The producer treats spaces as part of the name, but the system's resolver may strip them.
    if host.contains(char::is_whitespace) {
        let text = format!("the name {host:?} does not resolve: the spaces are part of the name");
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
        // Only the message of the system's resolver shows whether a failure is temporary.
        Err(error) if error.to_string().contains("emporary failure") => {
            return Err(Failure::new(Problem::DnsFailed, format!("DNS cannot resolve {host} at the moment")));
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(Failure::new(Problem::NameNotFound, format!("{host} is not a valid host name")));
        }
        Err(_) => {}
    }
    if addresses.is_empty() {
        return Err(Failure::new(Problem::NameNotFound, format!("the name {host} does not resolve to an address")));
    }
    Ok(addresses)
}

/// Connects to the first address that accepts a connection. Returns the connection, and the errors of the addresses
/// that were tried before.
///
/// # Errors
/// Fails if no address accepts a connection. The failure contains the [`Problem`] of the first address, and the error
/// texts of all addresses.
pub(super) async fn connect(addresses: &[SocketAddr]) -> Result<(TcpStream, Vec<String>), Failure> {
    let mut refusals: Vec<(Problem, String)> = Vec::new();
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true).ok();
                return Ok((stream, refusals.into_iter().map(|(_, text)| text).collect()));
            }
            Err(error) => refusals.push(classify(*address, &error)),
        }
    }
    let problem = refusals.first().map_or(Problem::Unreachable, |(problem, _)| *problem);
    let texts: Vec<_> = refusals.into_iter().map(|(_, text)| text).collect();
    Err(Failure::new(problem, texts.join("; ")))
}

fn classify(address: SocketAddr, error: &io::Error) -> (Problem, String) {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            (Problem::ConnectionRefused, format!("{address} refused the connection: no process listens on this port"))
        }
        io::ErrorKind::TimedOut => (Problem::ConnectTimeout, format!("{address} does not respond")),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable => {
            (Problem::Unreachable, format!("no route to {address}"))
        }
        _ => (Problem::Unreachable, format!("cannot connect to {address}: {}", os_error::describe(error))),
    }
}

/// Whether a host name or IP address refers to the client's own machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}
