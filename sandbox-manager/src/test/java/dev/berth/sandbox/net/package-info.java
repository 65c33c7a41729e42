@org.jspecify.annotations.NullMarked
package dev.berth.sandbox.net;
