//! Four workers as authors write them, from the documentation: an instrument that speaks SCPI over TCP, one
//! that speaks Modbus RTU on a serial line, a stream that comes over a websocket, and pictures. Each waits as
//! such workers do: a time limit for every answer, another try, a pause that grows.

mod images;
mod modbus;
mod scpi;
mod websocket;

use external_worker::prelude::*;

export!(
    scpi::Scpi,
    modbus::Modbus,
    websocket::Websocket,
    images::Images;
    requests: {
        sockets: "reaches the instrument and the stream",
        serial: "reads the controller",
        clocks: "says when a message came",
    }
);
