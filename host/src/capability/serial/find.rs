//! Where a granted port is now: a device node, or a USB adapter by what it says of itself.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::policy::grant::{SerialTarget, UsbId};

/// Where Linux lists its terminals.
const SYSFS_TTY: &str = "/sys/class/tty";
/// How far above a terminal its USB device can be.
const MAX_LEVELS: usize = 6;

/// The device node of a granted port, if it is there now and there is exactly one.
pub(super) fn locate(target: SerialTarget<'_>) -> Option<PathBuf> {
    let path = match target {
        SerialTarget::Device(path) => path.to_owned(),
        SerialTarget::Usb(id) => Path::new("/dev").join(usb_terminal(Path::new(SYSFS_TTY), id)?),
    };
    device_number(&path).map(|_| path)
}

/// Whether there is something at the path of a granted port that no serial device is, such as a file.
pub(super) fn is_something_else(target: SerialTarget<'_>) -> bool {
    match target {
        SerialTarget::Device(path) => {
            fs::metadata(path).is_ok_and(|meta| !meta.file_type().is_char_device())
        }
        SerialTarget::Usb(_) => false,
    }
}

/// The number of the character device at `path`, symbolic links resolved.
pub(super) fn device_number(path: &Path) -> Option<u64> {
    let meta = fs::metadata(path).ok()?;
    meta.file_type().is_char_device().then(|| meta.rdev())
}

/// The name of the terminal of this adapter under `terminals`, if there is exactly one: an adapter
/// with several ports has to be granted by path, which says which of them is meant.
fn usb_terminal(terminals: &Path, id: &UsbId) -> Option<PathBuf> {
    let serial = id.serial_number.as_deref();
    let is_it = |terminal: &Path| {
        let Some(device) = usb_device(terminal) else {
            return false;
        };
        hex(&device, "idVendor") == Some(id.vendor)
            && hex(&device, "idProduct") == Some(id.product)
            && serial.is_none_or(|wanted| attribute(&device, "serial").as_deref() == Some(wanted))
    };
    let mut found = fs::read_dir(terminals)
        .ok()?
        .flatten()
        .filter(|entry| is_it(&entry.path()));
    let only = found.next()?;
    found
        .next()
        .is_none()
        .then(|| PathBuf::from(only.file_name()))
}

/// The USB device that carries `terminal`: the nearest directory above it with a vendor id.
fn usb_device(terminal: &Path) -> Option<PathBuf> {
    let device = fs::canonicalize(terminal.join("device")).ok()?;
    let above = device.ancestors().take(MAX_LEVELS);
    above
        .map(Path::to_path_buf)
        .find(|level| level.join("idVendor").is_file())
}

fn attribute(device: &Path, name: &str) -> Option<String> {
    Some(
        fs::read_to_string(device.join(name))
            .ok()?
            .trim()
            .to_owned(),
    )
}

fn hex(device: &Path, name: &str) -> Option<u16> {
    u16::from_str_radix(&attribute(device, name)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> UsbId {
        text.parse().unwrap()
    }

    #[test]
    fn a_file_is_told_from_a_device_that_is_not_there() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("port");
        assert!(!is_something_else(SerialTarget::Device(&file)));
        fs::write(&file, "").unwrap();
        assert!(is_something_else(SerialTarget::Device(&file)));
        assert_eq!(locate(SerialTarget::Device(&file)), None);
        let device = SerialTarget::Device(Path::new("/dev/null"));
        assert!(!is_something_else(device));
    }

    /// A sysfs of two adapters: one single, one with two ports.
    fn sysfs() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let adapters = [
            ("1-1", "SINGLE", vec!["ttyUSB0"]),
            ("1-2", "TWIN", vec!["ttyUSB1", "ttyUSB2"]),
        ];
        let class = root.path().join("class");
        fs::create_dir(&class).unwrap();
        for (bus, serial, names) in adapters {
            let device = root.path().join("devices").join(bus);
            fs::create_dir_all(&device).unwrap();
            fs::write(device.join("idVendor"), "0403\n").unwrap();
            fs::write(device.join("idProduct"), "6001\n").unwrap();
            fs::write(device.join("serial"), format!("{serial}\n")).unwrap();
            for (interface, name) in names.into_iter().enumerate() {
                let port = device.join(format!("{bus}:1.{interface}")).join(name);
                fs::create_dir_all(&port).unwrap();
                fs::create_dir(class.join(name)).unwrap();
                std::os::unix::fs::symlink(&port, class.join(name).join("device")).unwrap();
            }
        }
        fs::create_dir(class.join("ttyS0")).unwrap();
        root
    }

    #[test]
    fn an_adapter_is_found_by_its_serial_number() {
        let root = sysfs();
        let found = usb_terminal(&root.path().join("class"), &id("0403:6001:SINGLE"));
        assert_eq!(found, Some(PathBuf::from("ttyUSB0")));
    }

    #[test]
    fn what_is_not_unique_or_not_there_is_not_found() {
        let root = sysfs();
        let class = root.path().join("class");
        assert_eq!(usb_terminal(&class, &id("0403:6001:TWIN")), None);
        assert_eq!(usb_terminal(&class, &id("0403:6001")), None);
        assert_eq!(usb_terminal(&class, &id("0403:6001:OTHER")), None);
        assert_eq!(usb_terminal(&class, &id("0403:6015:SINGLE")), None);
    }

    #[test]
    fn only_a_character_device_counts() {
        let root = tempfile::tempdir().unwrap();
        let link = root.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        assert_eq!(locate(SerialTarget::Device(&link)), Some(link.clone()));
        assert_eq!(locate(SerialTarget::Device(root.path())), None);
        assert_eq!(
            locate(SerialTarget::Device(&root.path().join("none"))),
            None
        );
    }
}
