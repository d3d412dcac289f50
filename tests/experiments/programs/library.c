// A library of some size, to be replaced under a running program.
extern const char experiment_library_constants[512 * 1024];
const char experiment_library_constants[512 * 1024] = "constants";
