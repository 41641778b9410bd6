//! HTTP/2 without TLS, in so many frames (RFC 9113).

use std::io::{Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use crate::fault::Frame;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const SETTINGS: u8 = 0x4;
const PING: u8 = 0x6;
const GOAWAY: u8 = 0x7;

/// The flags `END_STREAM` and `ACK`, which are the same bit.
const END: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// The heads of answers, by the static table of HPACK (RFC 7541, appendix A).
const STATUS_200: [u8; 1] = [0x88];
/// `:status`, as a literal with the name of entry 8.
const STATUS_503: [u8; 5] = [0x08, 3, b'5', b'0', b'3'];

/// Reads requests, and answers them with `answers`.
pub(super) fn serve(mut stream: TcpStream, answers: &[&[Frame]], requests: &AtomicUsize) -> Result<()> {
    // The preface of the client.
    stream.read_exact(&mut [0; 24])?;
    write(&mut stream, SETTINGS, 0, 0, &[])?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload)?;
        match (head[3], head[4] & END) {
            (SETTINGS, 0) => write(&mut stream, SETTINGS, ACK, 0, &[])?,
            (PING, 0) => write(&mut stream, PING, ACK, 0, &payload)?,
            (HEADERS | DATA, END) => {
                let n = requests.fetch_add(1, Ordering::SeqCst);
                for frame in answers[n.min(answers.len() - 1)] {
                    if let Frame::Close = frame {
                        return close(stream);
                    }
                    answer(&mut stream, id, *frame)?;
                }
            }
            _ => {}
        }
    }
}

/// Closes the connection, and not by RST, which it would be if something were left unread.
fn close(mut stream: TcpStream) -> Result<()> {
    stream.shutdown(Shutdown::Write)?;
    while stream.read(&mut [0; 4096])? > 0 {}
    Ok(())
}

fn answer(stream: &mut TcpStream, id: u32, frame: Frame) -> Result<()> {
    let go_away = |last: u32, reason: u32| [last.to_be_bytes(), reason.to_be_bytes()].concat();
    match frame {
        Frame::Head => write(stream, HEADERS, END_HEADERS, id, &STATUS_200),
        Frame::Data => {
            write(stream, DATA, 0, id, b"half")?;
            // The client is to see the answer before what follows.
            sleep(Duration::from_millis(50));
            Ok(())
        }
        Frame::Status200 => write(stream, HEADERS, END_HEADERS | END, id, &STATUS_200),
        Frame::Garbage => stream.write_all(&[0xff; 64]),
        Frame::Status503 => write(stream, HEADERS, END_HEADERS | END, id, &STATUS_503),
        Frame::RstStream(reason) => write(stream, RST_STREAM, 0, id, &reason.to_be_bytes()),
        Frame::GoAway(reason) => write(stream, GOAWAY, 0, 0, &go_away(id - 1, reason)),
        Frame::GoAwayAfter(reason) => {
            // Only then is this no race: see `tests/goaway.rs`.
            sleep(Duration::from_millis(20));
            answer(stream, id, Frame::GoAwayAtOnce(reason))
        }
        Frame::GoAwayAtOnce(reason) => {
            write(stream, GOAWAY, 0, 0, &go_away(id, reason))?;
            sleep(Duration::from_millis(20));
            Ok(())
        }
        Frame::Close => Ok(()),
    }
}

/// Writes a frame (RFC 9113 §4.1).
fn write(stream: &mut TcpStream, kind: u8, flags: u8, id: u32, payload: &[u8]) -> Result<()> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(id.to_be_bytes());
    bytes.extend(payload);
    stream.write_all(&bytes)
}
