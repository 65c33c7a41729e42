/** Holds the compiled wire definitions to the tables they were written from. */
@NullMarked
package dev.berth.proto;

import org.jspecify.annotations.NullMarked;
