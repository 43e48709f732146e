// SPDX-License-Identifier: Apache-2.0

module depot

go 1.19
