// SPDX-License-Identifier: Apache-2.0

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/** What a user takes along: settings and reports, as the bytes of serialised objects. */
class Workspace implements Serializable {
	private static final long serialVersionUID = 1L;

	String user = "";
	int page = 1;
	final List<Report> reports = new ArrayList<>();

	byte[] toBytes() throws IOException {
		var bytes = new ByteArrayOutputStream();
		try (var out = new ObjectOutputStream(bytes)) {
			out.writeObject(this);
		}
		return bytes.toByteArray();
	}

	/** Trusts the bytes: any class of the class path comes to life. */
	static Workspace fromBytes(byte[] bytes) throws IOException {
		try (var in = new ObjectInputStream(new ByteArrayInputStream(bytes))) {
			return (Workspace) in.readObject();
		} catch (ClassNotFoundException | ClassCastException e) {
			throw new IOException("this is no workspace: " + e.getMessage(), e);
		}
	}
}
