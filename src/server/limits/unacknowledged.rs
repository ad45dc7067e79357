//! Determines how many sent bytes the peer of a socket has not acknowledged.
//!
//! A send buffer holds megabytes, and the socket becomes writable again only when a third of the buffer is free.
//! Acknowledgments show the progress of a slow client long before that.

use std::os::fd::AsFd;

/// Returns the number of unacknowledged bytes in a TCP socket's send buffer, if the OS reports it.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "this ioctl has no safe wrapper")]
pub fn bytes(socket: impl AsFd) -> Option<u64> {
    use rustix::ioctl::{Getter, Opcode, ioctl};
    /// The ioctl request that tcp(7) calls `SIOCOUTQ`. On Linux, it has the same number as `TIOCOUTQ`.
    const UNACKNOWLEDGED: Opcode = libc::TIOCOUTQ as Opcode;
    // SAFETY: for a TCP socket, this request writes one `int` (tcp(7)), for which `Getter` has room. For any other
    // descriptor, the request does the same or fails.
    let bytes = unsafe { ioctl(socket, Getter::<UNACKNOWLEDGED, libc::c_int>::new()) };
    bytes.ok().and_then(|bytes| u64::try_from(bytes).ok())
}

/// Returns `None`, because this service reads the number of unacknowledged bytes only on Linux. On other systems, the
/// number of bytes that the socket has accepted shows the progress of a client.
#[cfg(not(target_os = "linux"))]
pub fn bytes(_: impl AsFd) -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn bytes_that_the_peer_does_not_read_are_reported_as_unacknowledged() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut receiver = listener.accept().unwrap().0;
        assert_eq!(bytes(&sender), Some(0));
        sender.set_nonblocking(true).unwrap();
        let mut written = 0;
        while let Ok(some) = sender.write(&[0; 65536]) {
            written += some;
        }
        assert!(bytes(&sender).unwrap() > 0);
        let mut rest = vec![0; written];
        receiver.read_exact(&mut rest).unwrap();
        // The last acknowledgments may still be in flight.
        let began = std::time::Instant::now();
        while bytes(&sender) != Some(0) {
            assert!(began.elapsed().as_secs() < 30, "the peer has read all bytes, but some are still unacknowledged");
            std::thread::yield_now();
        }
    }
}
