//! The words of WASI 0.3 in those of 0.2 and back, since what changes something is the same for both.

use wasmtime_wasi::p2::FsError;
use wasmtime_wasi::p2::bindings::filesystem::types as p2;
use wasmtime_wasi::p3::bindings::filesystem::types as p3;
use wasmtime_wasi::p3::filesystem::FilesystemError;

/// Why something did not work.
pub(super) fn told(error: FsError) -> FilesystemError {
    match error.downcast() {
        Ok(known) => code(known).into(),
        Err(trap) => FilesystemError::trap(trap),
    }
}

pub(super) fn code(code: p2::ErrorCode) -> p3::ErrorCode {
    use p2::ErrorCode as From;
    use p3::ErrorCode as To;
    match code {
        From::Access => To::Access,
        From::Already => To::Already,
        From::BadDescriptor => To::BadDescriptor,
        From::Busy => To::Busy,
        From::Deadlock => To::Deadlock,
        From::Quota => To::Quota,
        From::Exist => To::Exist,
        From::FileTooLarge => To::FileTooLarge,
        From::IllegalByteSequence => To::IllegalByteSequence,
        From::InProgress => To::InProgress,
        From::Interrupted => To::Interrupted,
        From::Invalid => To::Invalid,
        From::Io => To::Io,
        From::IsDirectory => To::IsDirectory,
        From::Loop => To::Loop,
        From::TooManyLinks => To::TooManyLinks,
        From::MessageSize => To::MessageSize,
        From::NameTooLong => To::NameTooLong,
        From::NoDevice => To::NoDevice,
        From::NoEntry => To::NoEntry,
        From::NoLock => To::NoLock,
        From::InsufficientMemory => To::InsufficientMemory,
        From::InsufficientSpace => To::InsufficientSpace,
        From::NotDirectory => To::NotDirectory,
        From::NotEmpty => To::NotEmpty,
        From::NotRecoverable => To::NotRecoverable,
        From::Unsupported => To::Unsupported,
        From::NoTty => To::NoTty,
        From::NoSuchDevice => To::NoSuchDevice,
        From::Overflow => To::Overflow,
        From::NotPermitted => To::NotPermitted,
        From::Pipe => To::Pipe,
        From::ReadOnly => To::ReadOnly,
        From::InvalidSeek => To::InvalidSeek,
        From::TextFileBusy => To::TextFileBusy,
        From::CrossDevice => To::CrossDevice,
        // Nothing of 0.3 blocks.
        From::WouldBlock => To::Other(None),
    }
}

pub(super) fn path_flags_of(flags: p3::PathFlags) -> p2::PathFlags {
    use p2::PathFlags as To;
    use p3::PathFlags as From;
    let pairs = [(From::SYMLINK_FOLLOW, To::SYMLINK_FOLLOW)];
    let both = pairs.into_iter().filter(|(from, _)| flags.contains(*from));
    both.fold(To::empty(), |flags, (_, to)| flags | to)
}

pub(super) fn open_flags_of(flags: p3::OpenFlags) -> p2::OpenFlags {
    use p2::OpenFlags as To;
    use p3::OpenFlags as From;
    let pairs = [
        (From::CREATE, To::CREATE),
        (From::DIRECTORY, To::DIRECTORY),
        (From::EXCLUSIVE, To::EXCLUSIVE),
        (From::TRUNCATE, To::TRUNCATE),
    ];
    let both = pairs.into_iter().filter(|(from, _)| flags.contains(*from));
    both.fold(To::empty(), |flags, (_, to)| flags | to)
}

pub(super) fn descriptor_flags_of(flags: p3::DescriptorFlags) -> p2::DescriptorFlags {
    use p2::DescriptorFlags as To;
    use p3::DescriptorFlags as From;
    let pairs = [
        (From::READ, To::READ),
        (From::WRITE, To::WRITE),
        (From::FILE_INTEGRITY_SYNC, To::FILE_INTEGRITY_SYNC),
        (From::DATA_INTEGRITY_SYNC, To::DATA_INTEGRITY_SYNC),
        (From::REQUESTED_WRITE_SYNC, To::REQUESTED_WRITE_SYNC),
        (From::MUTATE_DIRECTORY, To::MUTATE_DIRECTORY),
    ];
    let both = pairs.into_iter().filter(|(from, _)| flags.contains(*from));
    both.fold(To::empty(), |flags, (_, to)| flags | to)
}
