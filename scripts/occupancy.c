// Compiles pipelines for an AMD GPU that need not be there, with Mesa's RADV: for scripts/occupancy.
//
//   VK_DRIVER_FILES=RADEON_ICD.json RADV_FORCE_FAMILY=CHIP occupancy FOLDER (NAME ENTRY_POINT BINDINGS)...
//
// FOLDER/NAME.spv is a module, BINDINGS are as in `0:storage,2:uniform,7:step`. Prints `driver`, its version and
// its device, then a line for each pipeline: NAME and its `figures`, in their order. Tabs part the columns. Exit code 3:
// the driver has no device. Only compiles: nothing runs.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

enum { MOST_BINDINGS = 32, MOST_STATISTICS = 64, NO_DEVICE = 3 };

// As RADV names them; sizes in bytes: scratch per subgroup, LDS per workgroup.
static const char *figures[] = {
    "VGPRs", "Spilled VGPRs", "Spilled SGPRs", "Scratch size", "Subgroups per SIMD", "LDS size", "Code size",
    "Instructions",
};
enum { FIGURES = sizeof figures / sizeof *figures };

static void check(VkResult result, const char *what, const char *name) {
    if (result == VK_SUCCESS) return;
    fprintf(stderr, "%s: %s fails with %d\n", name, what, result);
    exit(2);
}

static uint32_t *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) { fprintf(stderr, "no file %s\n", path); exit(2); }
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint32_t *words = malloc(*size);
    if (fread(words, 1, *size, file) != *size) { fprintf(stderr, "%s cannot be read\n", path); exit(2); }
    fclose(file);
    return words;
}

// The device of the driver, after a line that says which it is.
static VkPhysicalDevice physical_device(void) {
    VkApplicationInfo application = {VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_3};
    VkInstanceCreateInfo create = {VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
    VkInstance instance;
    VkPhysicalDevice physical = VK_NULL_HANDLE;
    uint32_t count = 1;
    if (vkCreateInstance(&create, NULL, &instance) == VK_SUCCESS) {
        vkEnumeratePhysicalDevices(instance, &count, &physical);
    }
    if (!physical) { fprintf(stderr, "the driver has no device\n"); exit(NO_DEVICE); }
    VkPhysicalDeviceDriverProperties driver = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
    VkPhysicalDeviceProperties2 properties = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &driver};
    vkGetPhysicalDeviceProperties2(physical, &properties);
    printf("driver\t%s\t%s\n", driver.driverInfo, properties.properties.deviceName);
    return physical;
}

// The features that wgpu 30 turns on where they decide about the code: the driver bounds buffers.
static VkDevice logical_device(VkPhysicalDevice physical) {
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR statistics = {
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
        .pipelineExecutableInfo = VK_TRUE};
    VkPhysicalDeviceRobustness2FeaturesEXT robust = {
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_EXT, .pNext = &statistics,
        .robustBufferAccess2 = VK_TRUE};
    VkPhysicalDeviceFeatures features = {.robustBufferAccess = VK_TRUE};
    const char *extensions[] = {"VK_KHR_pipeline_executable_properties", "VK_EXT_robustness2"};
    float priority = 1;
    VkDeviceQueueCreateInfo queue = {
        VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority};
    VkDeviceCreateInfo create = {
        VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = &robust, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue,
        .enabledExtensionCount = 2, .ppEnabledExtensionNames = extensions, .pEnabledFeatures = &features};
    VkDevice device;
    check(vkCreateDevice(physical, &create, NULL, &device), "vkCreateDevice", "RADV");
    return device;
}

// The layout of a pipeline with `text` as its bindings.
static VkPipelineLayout layout(VkDevice device, const char *name, const char *text) {
    VkDescriptorSetLayoutBinding bindings[MOST_BINDINGS];
    uint32_t count = 0;
    int used = 0;
    unsigned number;
    char kind[16];
    for (; count < MOST_BINDINGS && sscanf(text, "%u:%15[a-z]%n", &number, kind, &used) == 2; count++) {
        VkDescriptorType type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
        if (!strcmp(kind, "uniform")) type = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
        else if (!strcmp(kind, "step")) type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC;
        else if (strcmp(kind, "storage")) break;
        bindings[count] = (VkDescriptorSetLayoutBinding){number, type, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL};
        text += used;
        text += *text == ',';
    }
    if (*text) { fprintf(stderr, "%s: no binding: %s\n", name, text); exit(2); }
    VkDescriptorSetLayoutCreateInfo create_set = {
        VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = count, .pBindings = bindings};
    VkDescriptorSetLayout set;
    check(vkCreateDescriptorSetLayout(device, &create_set, NULL, &set), "vkCreateDescriptorSetLayout", name);
    VkPipelineLayoutCreateInfo create = {
        VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = 1, .pSetLayouts = &set};
    VkPipelineLayout layout;
    check(vkCreatePipelineLayout(device, &create, NULL, &layout), "vkCreatePipelineLayout", name);
    return layout;
}

int main(int argc, char **argv) {
    if (argc < 2) { fprintf(stderr, "usage: occupancy FOLDER (NAME ENTRY_POINT BINDINGS)...\n"); return 2; }
    VkDevice device = logical_device(physical_device());
    PFN_vkGetPipelineExecutableStatisticsKHR statistics_of =
        (PFN_vkGetPipelineExecutableStatisticsKHR)vkGetDeviceProcAddr(device, "vkGetPipelineExecutableStatisticsKHR");

    for (int i = 2; i + 2 < argc; i += 3) {
        const char *name = argv[i];
        char path[1024];
        snprintf(path, sizeof path, "%s/%s.spv", argv[1], name);
        size_t size;
        uint32_t *words = read_file(path, &size);
        VkShaderModuleCreateInfo create_module = {
            VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = size, .pCode = words};
        VkShaderModule module;
        check(vkCreateShaderModule(device, &create_module, NULL, &module), "vkCreateShaderModule", name);
        VkComputePipelineCreateInfo create = {
            VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
            .flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR,
            .stage = {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                      .module = module, .pName = argv[i + 1]},
            .layout = layout(device, name, argv[i + 2])};
        VkPipeline pipeline;
        check(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &create, NULL, &pipeline), "vkCreateComputePipelines",
              name);

        VkPipelineExecutableInfoKHR executable = {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline};
        VkPipelineExecutableStatisticKHR statistics[MOST_STATISTICS];
        uint32_t count = MOST_STATISTICS;
        for (uint32_t s = 0; s < count; s++) {
            statistics[s] = (VkPipelineExecutableStatisticKHR){VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
        }
        check(statistics_of(device, &executable, &count, statistics), "vkGetPipelineExecutableStatisticsKHR", name);
        printf("%s", name);
        for (int f = 0; f < FIGURES; f++) {
            uint32_t s = 0;
            while (s < count && strcmp(statistics[s].name, figures[f])) s++;
            if (s == count) { fprintf(stderr, "%s: RADV tells no '%s'\n", name, figures[f]); return 2; }
            printf("\t%llu", (unsigned long long)statistics[s].value.u64);
        }
        printf("\n");
        vkDestroyPipeline(device, pipeline, NULL);
        vkDestroyShaderModule(device, module, NULL);
        free(words);
    }
    return 0;
}
