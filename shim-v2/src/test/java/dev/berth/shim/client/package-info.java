@NullMarked
package dev.berth.shim.client;

import org.jspecify.annotations.NullMarked;
