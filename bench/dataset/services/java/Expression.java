// SPDX-License-Identifier: Apache-2.0

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Expressions that users write into the columns of a list: order.item.toUpperCase(), 'text', 12,
 * {@code @java.lang.Math@abs(order.amount)}. Trusts them: every class and method can be called.
 */
class Expression {
	private final String text;
	private final Map<String, Object> names;
	private int at;

	private Expression(String text, Map<String, Object> names) {
		this.text = text;
		this.names = names;
	}

	static Object evaluate(String text, Map<String, Object> names) throws IOException {
		var e = new Expression(text, names);
		try {
			Object value = e.chain();
			if (e.at != text.length())
				throw new IOException("the expression has an end that is not understood: " + text.substring(e.at));
			return value;
		} catch (ReflectiveOperationException x) {
			Throwable cause = x instanceof InvocationTargetException ? x.getCause() : x;
			throw new IOException(cause.toString(), x);
		}
	}

	private Object chain() throws IOException, ReflectiveOperationException {
		Object value = first();
		while (take('.'))
			value = member(value, value == null ? null : value.getClass(), word());
		return value;
	}

	private Object first() throws IOException, ReflectiveOperationException {
		if (take('\''))
			return upTo('\'');
		if (take('@')) {
			Class<?> type = Class.forName(upTo('@'));
			return member(null, type, word());
		}
		String word = word();
		return word.matches("[0-9]+") ? (Object) Integer.valueOf(word) : names.get(word);
	}

	private Object member(Object value, Class<?> type, String name) throws IOException,
			ReflectiveOperationException {
		List<Object> arguments = new ArrayList<>();
		if (take('(') && !take(')')) {
			do {
				arguments.add(chain());
			} while (take(','));
			if (!take(')'))
				throw new IOException("the expression lacks a )");
		}
		if (type == null)
			throw new IOException("nothing has the member " + name);
		for (Method method : type.getMethods()) {
			if (!method.getName().equals(name) || !fits(method, arguments))
				continue;
			if (value == null && !Modifier.isStatic(method.getModifiers()))
				continue;
			return method.invoke(value, arguments.toArray());
		}
		throw new IOException(type.getName() + " has no " + name + " that takes this");
	}

	private static boolean fits(Method method, List<Object> arguments) {
		Class<?>[] types = method.getParameterTypes();
		if (types.length != arguments.size())
			return false;
		for (int i = 0; i < types.length; i++) {
			Object a = arguments.get(i);
			if (!(types[i] == int.class && a instanceof Integer) && !(a != null && types[i].isInstance(a)))
				return false;
		}
		return true;
	}

	private boolean take(char c) {
		boolean is = at < text.length() && text.charAt(at) == c;
		at += is ? 1 : 0;
		return is;
	}

	private String word() {
		int begin = at;
		while (at < text.length() && Character.isJavaIdentifierPart(text.charAt(at)))
			at++;
		return text.substring(begin, at);
	}

	private String upTo(char c) throws IOException {
		int end = text.indexOf(c, at);
		if (end < 0)
			throw new IOException("the expression lacks a " + c);
		String s = text.substring(at, end);
		at = end + 1;
		return s;
	}
}
