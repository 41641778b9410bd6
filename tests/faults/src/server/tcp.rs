//! Follows a script on a connection.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use socket2::SockRef;

use super::Guide;
use crate::fault::Act;

/// A connection, with TLS or without.
pub(super) trait Wire: Read + Write {
    fn tcp(&self) -> &TcpStream;

    /// Says farewell, where there is a way to.
    fn finish(&mut self);
}

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }

    fn finish(&mut self) {}
}

/// Follows a script, and closes the connection.
pub(super) fn follow(wire: &mut impl Wire, script: &[Act], guide: &Guide) {
    for act in script {
        // Errors are expected: clients go away.
        match perform(wire, *act, guide) {
            Ok(Next::Act) => {}
            Ok(Next::Gone) | Err(_) => return,
        }
    }
    wire.finish();
}

/// The step that follows an act.
enum Next {
    Act,
    /// The connection is gone, or is to go without a farewell.
    Gone,
}

fn perform(wire: &mut impl Wire, act: Act, guide: &Guide) -> io::Result<Next> {
    match act {
        Act::Read => {
            read_request(wire, guide)?;
        }
        Act::ReadSome => {
            let _ = wire.read(&mut [0; 4096])?;
        }
        Act::Say(text) => wire.write_all(guide.fill_in(text).as_bytes())?,
        Act::Repeat(text, times) => wire.write_all(text.repeat(times).as_bytes())?,
        Act::Drip(text) => {
            for byte in text.bytes() {
                wire.write_all(&[byte])?;
                sleep(Duration::from_millis(20));
            }
        }
        Act::Flood(text) => loop {
            // As fast as it takes to never end, and slow enough not to keep both cores busy.
            wire.write_all(text.as_bytes())?;
            sleep(Duration::from_millis(1));
        },
        Act::Wait(time) => sleep(time),
        Act::Hold => while wire.read(&mut [0; 4096])? > 0 {},
        Act::Reset => {
            SockRef::from(wire.tcp()).set_linger(Some(Duration::ZERO))?;
            return Ok(Next::Gone);
        }
        Act::Cut => return Ok(Next::Gone),
        Act::Serve(answers) => loop {
            let head = read_request(wire, guide)?;
            let answer = answers.iter().find(|(part, _)| head.contains(part));
            let (_, answer) = answer.unwrap_or_else(|| panic!("no answer to {head}"));
            wire.write_all(guide.fill_in(answer).as_bytes())?;
        },
    }
    Ok(Next::Act)
}

/// Reads a request, counts it, and returns its head.
fn read_request(wire: &mut impl Wire, guide: &Guide) -> io::Result<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        wire.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().unwrap());
    wire.read_exact(&mut vec![0; length])?;
    guide.requests.fetch_add(1, Ordering::SeqCst);
    Ok(head)
}
