/** What the tests of several modules share: conditions, waiting with a deadline, cleanup. */
package dev.berth.testing;
