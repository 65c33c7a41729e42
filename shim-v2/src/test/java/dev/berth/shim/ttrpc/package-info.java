@NullMarked
package dev.berth.shim.ttrpc;

import org.jspecify.annotations.NullMarked;
