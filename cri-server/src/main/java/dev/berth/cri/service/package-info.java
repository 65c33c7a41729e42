/**
 * The two CRI services: which verb answers which RPC, and the translation between CRI messages and
 * Berth's own records.
 *
 * <p>Nothing is decided here. A verb checks the shape of its request, calls the sandbox manager or
 * the image store, and builds the reply; requests' configurations travel inward as they came.
 */
@NullMarked
package dev.berth.cri.service;

import org.jspecify.annotations.NullMarked;
