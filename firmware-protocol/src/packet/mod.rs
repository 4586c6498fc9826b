//! Framing on a serial line: postcard bytes, then a CRC, COBS-stuffed, ended by one zero byte.
