# The build is one line; this file is a convenience:
#   cc -std=c99 app.c snl.c waveform.c lisa.c nn.c mcmc.c -lm
.POSIX:
CC      = cc
CFLAGS  = -std=c99 -pedantic -Wall -Wextra -O3
LDLIBS  = -lm
# make test GREATEST=DIR takes greatest.h from DIR
GREATEST = tests

LIB  = snl.c waveform.c lisa.c nn.c mcmc.c
TOOL = examples/tool.c examples/io.c examples/plot.c

all: snl

snl: $(TOOL) examples/io.h examples/plot.h $(LIB) snl.h
	$(CC) $(CFLAGS) -o $@ $(TOOL) $(LIB) $(LDLIBS)

test: snl
	CC='$(CC)' CFLAGS='$(CFLAGS)' GREATEST='$(GREATEST)' sh tests/run.sh

single: build/snl_all.c

# The five files in one; the line left empty keeps compiler messages pointing home.
build/snl_all.c: snl.h $(LIB)
	mkdir -p build
	{ cat snl.h; for f in $(LIB); do echo "#line 1 \"$$f\""; \
	  sed 's/^#include "snl.h"$$//' $$f; done; } > $@

clean:
	rm -rf build snl

.PHONY: all test single clean
