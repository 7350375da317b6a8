//! Packets with descriptors, at either end of the channel.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::{DESCRIPTORS, Message};
use crate::limits;

/// Says something at once, before there is a runtime.
///
/// # Errors
/// When nobody hears it.
pub(crate) fn send(end: BorrowedFd<'_>, message: &Message, with: &[OwnedFd]) -> io::Result<()> {
    send_bytes(end, &serde_json::to_vec(message)?, with)
}

pub(super) fn send_bytes(end: BorrowedFd<'_>, bytes: &[u8], with: &[OwnedFd]) -> io::Result<()> {
    let with: Vec<_> = with.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !with.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&with)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let flags = SendFlags::NOSIGNAL;
    sendmsg(end, &[IoSlice::new(bytes)], &mut control, flags)?;
    Ok(())
}

/// Says what became of what was asked for: the error of the system, or no error and the descriptor. Who asked
/// may not read it, and is not waited for.
///
/// # Errors
/// When nobody takes it.
pub(crate) fn give(told: &OwnedFd, opened: io::Result<OwnedFd>) -> io::Result<()> {
    let (errno, with) = match opened {
        Ok(descriptor) => (0, vec![descriptor]),
        Err(error) => (error.raw_os_error().unwrap_or(libc::EIO), Vec::new()),
    };
    let with: Vec<_> = with.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !with.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&with));
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let errno = errno.to_le_bytes();
    sendmsg(told, &[IoSlice::new(&errno)], &mut control, flags)?;
    Ok(())
}

/// What [`give`] says.
pub(super) fn given(answer: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut errno = [0; 4];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(
        answer,
        &mut [IoSliceMut::new(&mut errno)],
        &mut control,
        flags,
    )?;
    if received.bytes != errno.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let errno = i32::from_le_bytes(errno);
    if errno != 0 {
        return Err(io::Error::from_raw_os_error(errno));
    }
    descriptors(&mut control)
        .pop()
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Closes what a stranger gave, apart: the last to close something may have to wait for it.
pub(crate) fn discard(given: impl Send + 'static) {
    drop(tokio::task::spawn_blocking(move || drop(given)));
}

fn descriptors(control: &mut RecvAncillaryBuffer<'_>) -> Vec<OwnedFd> {
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(with) = message {
            descriptors.extend(with);
        }
    }
    descriptors
}

/// The next packet, and the descriptors that come with it.
///
/// # Errors
/// When there is none yet, or it is too large.
pub(super) fn receive(end: BorrowedFd<'_>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut bytes = [0; limits::MAX_TENANT_MESSAGE_BYTES];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let into = &mut [IoSliceMut::new(&mut bytes)];
    let received = recvmsg(end, into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let descriptors = descriptors(&mut control);
    let cut = ReturnFlags::TRUNC | ReturnFlags::CTRUNC;
    let bytes = bytes.get(..received.bytes).unwrap_or_default();
    match received.flags.intersects(cut) {
        true => {
            discard(descriptors);
            Err(io::ErrorKind::InvalidData.into())
        }
        false => Ok((bytes.to_vec(), descriptors)),
    }
}
