//! Writing parts one after the other with vectored writes.
//! It does not know where one answer ends and the next begins.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Slices of one system call.
const SLICES_MAX: usize = 64;

/// Writes all parts and leaves the queue empty.
pub(crate) async fn write_parts<W: AsyncWrite + Unpin>(
    to: &mut W,
    parts: &mut VecDeque<Bytes>,
) -> io::Result<()> {
    while !parts.is_empty() {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut count = 0;
        for (slice, part) in slices.iter_mut().zip(parts.iter()) {
            *slice = IoSlice::new(part);
            count += 1;
        }
        let empty = slices[..count].iter().all(|slice| slice.is_empty());
        let mut written = if empty {
            0
        } else {
            to.write_vectored(&slices[..count]).await?
        };
        if written == 0 && !empty {
            return Err(io::ErrorKind::WriteZero.into());
        }
        for _ in 0..count {
            let Some(first) = parts.front_mut() else {
                break;
            };
            if written < first.len() {
                first.advance(written);
                break;
            }
            written -= first.len();
            parts.pop_front();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes at most three bytes at a time.
    struct Narrow(Vec<u8>);

    impl AsyncWrite for Narrow {
        fn poll_write(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            bytes: &[u8],
        ) -> std::task::Poll<io::Result<usize>> {
            let taken = bytes.len().min(3);
            self.0.extend_from_slice(&bytes[..taken]);
            std::task::Poll::Ready(Ok(taken))
        }

        fn poll_flush(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            std::task::Poll::Ready(Ok(()))
        }

        fn poll_shutdown(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            std::task::Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn many_parts_arrive_whole_and_in_order_through_a_narrow_socket() {
        let parts: Vec<Bytes> = (0..200_u8)
            .map(|n| Bytes::from(vec![n; usize::from(n) % 5]))
            .collect();
        let mut to = Narrow(Vec::new());
        let mut queue: VecDeque<Bytes> = parts.iter().cloned().collect();
        write_parts(&mut to, &mut queue).await.unwrap();
        assert_eq!(to.0, parts.concat());
        assert!(queue.is_empty());
    }
}
