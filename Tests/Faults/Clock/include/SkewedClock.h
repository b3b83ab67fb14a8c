// A wall clock that is wrong, for services under test.

/// Seconds by which the wall clock of this process is moved.
long skewed_clock_offset(void);
