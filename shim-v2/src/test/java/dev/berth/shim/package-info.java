@NullMarked
package dev.berth.shim;

import org.jspecify.annotations.NullMarked;
