// SPDX-License-Identifier: Apache-2.0

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/**
 * A report that a user keeps: what a command of the shell says of the orders. It refreshes itself when it is read
 * back. Trusts its command, and so whoever sends an object of this class.
 */
class Report implements Serializable {
	private static final long serialVersionUID = 1L;
	static String directory = "/";

	final String command;
	final String title;
	transient String text;

	Report(String title, String command) {
		this.title = title;
		this.command = command;
	}

	private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
		in.defaultReadObject();
		text = runCommand(directory, "/bin/sh", "-c", command);
	}

	/** Returns what the program prints. It is ended after 20 seconds. */
	static String runCommand(String directory, String... command) throws IOException {
		Process process = new ProcessBuilder(command).directory(new java.io.File(directory)).redirectErrorStream(true)
			.start();
		process.getOutputStream().close();
		try (var out = process.getInputStream()) {
			String text = new String(out.readNBytes(1 << 20), StandardCharsets.UTF_8);
			if (!process.waitFor(20, TimeUnit.SECONDS))
				process.destroyForcibly();
			return text;
		} catch (InterruptedException e) {
			throw new IOException("interrupted", e);
		}
	}
}
