//! How the box is: measured, said as Prometheus text, told to systemd.
