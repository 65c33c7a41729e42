/**
 * Black-box tests: they start the built distribution as separate processes, talk to it over its
 * socket and its commands, and compare the host before and after.
 */
package dev.berth.e2e;
