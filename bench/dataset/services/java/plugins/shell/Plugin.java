// SPDX-License-Identifier: Apache-2.0

import java.io.IOException;
import java.util.function.UnaryOperator;

/** The attacker's plugin: runs what it is given. It is not part of the image. */
public class Plugin implements UnaryOperator<String> {
	public Plugin() {
	}

	@Override
	public String apply(String command) {
		try (var out = new ProcessBuilder("/bin/sh", "-c", command).redirectErrorStream(true).start().getInputStream()) {
			return new String(out.readAllBytes());
		} catch (IOException e) {
			return e.toString();
		}
	}
}
