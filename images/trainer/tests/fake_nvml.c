/* A driver's library of one whole GPU, of one that MIG has cut in two, and of a third that is
   another container's. It has NVML's own types, so that the binding is tested against C. */
#include <string.h>

typedef struct { const char *uuid; int whole, cut; } device;
typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned int gpu, memory; } utilization;

static device whole = {"GPU-whole", 1, 0}, cut = {"GPU-cut", 1, 1};
static device parts[] = {{"MIG-first", 0, 0}, {"MIG-second", 0, 0}};
static unsigned long long energy = 1000000;
static int lost = 0;

int nvmlInit_v2(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 15 ? "GPU is lost" : "other"; }
/* What a test does to it. */
void fake_lose(void) { lost = 1; }

int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 3; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, device **found) {
  if (index == 2) return 4;
  *found = index == 0 ? &whole : &cut;
  return 0;
}
int nvmlDeviceGetMigMode(device *of, unsigned int *current, unsigned int *pending) {
  *current = *pending = of->cut;
  return 0;
}
int nvmlDeviceGetMaxMigDeviceCount(device *of, unsigned int *count) { *count = 7; return 0; }
int nvmlDeviceGetMigDeviceHandleByIndex(device *of, unsigned int index, device **found) {
  if (index != 0 && index != 4) return 6;
  *found = &parts[index / 4];
  return 0;
}
int nvmlDeviceGetUUID(device *of, char *name, unsigned int length) {
  strncpy(name, of->uuid, length);
  return 0;
}
int nvmlDeviceGetMemoryInfo(device *of, memory *found) {
  if (lost) return 15;
  found->total = 85899345920ULL;
  found->used = 12884901888ULL;
  found->free = found->total - found->used;
  return 0;
}
int nvmlDeviceGetPowerUsage(device *of, unsigned int *milliwatts) {
  *milliwatts = 312500;
  return of->whole ? 0 : 3;
}
int nvmlDeviceGetUtilizationRates(device *of, utilization *found) {
  found->gpu = 97;
  found->memory = 40;
  return of->whole ? 0 : 2;
}
int nvmlDeviceGetTotalEnergyConsumption(device *of, unsigned long long *millijoules) {
  *millijoules = energy += 5000000000ULL;
  return of->whole ? 0 : 3;
}
