/** What the tests of the shim share. */
@NullMarked
package dev.berth.shim.testing;

import org.jspecify.annotations.NullMarked;
