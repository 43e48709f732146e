// SPDX-License-Identifier: Apache-2.0

import java.util.function.UnaryOperator;

/** The plugin that comes with the desk: a price with its tax. */
public class Plugin implements UnaryOperator<String> {
	public Plugin() {
	}

	@Override
	public String apply(String price) {
		return String.format("%.2f", Double.parseDouble(price) * 1.19);
	}
}
