/** Tests of spec generation: golden files and tables, without root. */
package dev.berth.sandbox.spec;
