"""The whole product on one machine: real processes, real sockets, a small crowd, and a report from outside."""
