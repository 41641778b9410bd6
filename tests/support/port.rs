//! Ports of loopback.

use socket2::{Domain, Socket, Type};

/// A port that is kept, so that nobody else listens there while we do not.
pub struct Port {
    pub number: u16,
    _kept: Socket,
}

impl Port {
    pub fn new() -> Self {
        let socket = socket(0);
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Self { number: address.port(), _kept: socket }
    }
}

/// Returns a socket at a port, also at one that is kept.
pub fn socket(port: u16) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
    socket
}
