# A convenience: the build of the library is
#     cc app.c snl.c waveform.c lisa.c nn.c mcmc.c -lm
.POSIX:
.SUFFIXES:

CC = cc
MPICC = mpicc
CFLAGS = -std=c99 -pedantic -Wall -Wextra -O3
LDLIBS = -lm
# The tool uses threads where the compiler has OpenMP; "make OPENMP=" builds it without.
OPENMP = $$(cat build/openmp)
# For "make sbibm": see tests/sbibm.sh
DATA =
C2ST =
# Directory of another greatest.h for the tests
GREATEST =

SRC = snl.c waveform.c lisa.c nn.c mcmc.c
OBJ = build/snl.o build/waveform.o build/lisa.o build/nn.o build/mcmc.o
TOOL = examples/tool.c examples/event.c examples/bench.c examples/io.c examples/plot.c examples/report.c \
    examples/terminal.c
# Programs in examples/ with a main of their own, each made from its file and io.c
EXAMPLES = own_simulator sbibm waveform_only sampler_only flow_only recover pool_openmp

all: snl examples
lib: build/libsnl.a build/libsnl.so
single: build/snl_all.c
examples: build/examples

snl: $(TOOL) examples/*.h $(OBJ) build/openmp
	$(CC) $(CFLAGS) $(OPENMP) -I. -o $@ $(TOOL) $(OBJ) $(LDLIBS)

build/examples: examples/*.c examples/*.h $(OBJ) build/openmp
	@for e in $(EXAMPLES); do echo "$(CC) -o build/$$e examples/$$e.c"; \
	    $(CC) $(CFLAGS) $(OPENMP) -I. -o build/$$e examples/$$e.c examples/io.c $(OBJ) $(LDLIBS) || exit 1; \
	done
	@: > $@

# Open MPI: asked for, not part of "make"
mpi: build/mpi_infer
build/mpi_infer: examples/mpi_infer.c examples/recover.c $(OBJ)
	OMPI_CC="$(CC)" $(MPICC) $(CFLAGS) -o $@ examples/mpi_infer.c $(OBJ) $(LDLIBS)

build/openmp:
	@mkdir -p build
	@echo '#include <omp.h>' > build/openmp.c
	@echo 'int main(void) { return omp_get_max_threads() < 1; }' >> build/openmp.c
	@if $(CC) -fopenmp -o build/openmp.out build/openmp.c 2> /dev/null && build/openmp.out; \
	    then echo -fopenmp; fi > $@

build/snl.o: snl.c snl.h
	@mkdir -p build
	$(CC) $(CFLAGS) -c -o $@ snl.c
build/waveform.o: waveform.c snl.h
	@mkdir -p build
	$(CC) $(CFLAGS) -c -o $@ waveform.c
build/lisa.o: lisa.c snl.h
	@mkdir -p build
	$(CC) $(CFLAGS) -c -o $@ lisa.c
build/nn.o: nn.c snl.h
	@mkdir -p build
	$(CC) $(CFLAGS) -c -o $@ nn.c
build/mcmc.o: mcmc.c snl.h
	@mkdir -p build
	$(CC) $(CFLAGS) -c -o $@ mcmc.c

build/libsnl.a: $(OBJ)
	rm -f $@
	ar rc $@ $(OBJ)

# For other languages: all code may stand at any address
build/libsnl.so: $(SRC) snl.h
	@mkdir -p build
	$(CC) $(CFLAGS) -fPIC -shared -o $@ $(SRC) $(LDLIBS)

build/snl_all.c: snl.h $(SRC)
	@mkdir -p build
	{ cat snl.h; for f in $(SRC); do echo "#line 1 \"$$f\""; \
	  sed 's/^#include "snl.h"$$//' $$f; done; } > $@

run: snl
	./snl run --out build/run

test: snl examples
	@CC="$(CC)" MPICC="$(MPICC)" CFLAGS="$(CFLAGS)" LDLIBS="$(LDLIBS)" GREATEST="$(GREATEST)" \
	    sh tests/run.sh

bench: snl
	@./snl bench
	@if $(CC) $(CFLAGS) -o build/gemm tests/gemm.c -lopenblas $(LDLIBS) 2> /dev/null; \
	    then OPENBLAS_NUM_THREADS=1 ./build/gemm; fi

sbibm: examples
	@DATA="$(DATA)" C2ST="$(C2ST)" sh tests/sbibm.sh

portable:
	@sh tests/portable.sh

sanitize:
	@sh tests/sanitize.sh

fuzz:
	@sh tests/fuzz.sh

lint:
	@sh tests/lint.sh

clean:
	rm -rf build snl

.PHONY: all lib single examples mpi run test bench sbibm portable sanitize fuzz lint clean
