/**
 * {@code berth}, the command line for people. It speaks nothing but CRI over the socket, so it
 * works beside the kubelet and, but for Berth's own conveniences, with any CRI runtime.
 */
@NullMarked
package dev.berth.cri.cli;

import org.jspecify.annotations.NullMarked;
