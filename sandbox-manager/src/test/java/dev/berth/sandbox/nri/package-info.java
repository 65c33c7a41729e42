/** Tests of the plugin interface, with plugins on real sockets. */
package dev.berth.sandbox.nri;
