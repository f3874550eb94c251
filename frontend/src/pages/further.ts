/**
 * The pages behind the first ones, in one file: each file is a call of the control plane. It is
 * loaded when one of them is opened, or soon after the first page.
 */
export { default as AgentPage } from "./agents/AgentPage.vue";
export { default as AgentsPage } from "./agents/AgentsPage.vue";
export { default as CommandPage } from "./runs/CommandPage.vue";
export { default as EnrollmentsPage } from "./agents/EnrollmentsPage.vue";
export { default as SchedulePage } from "./tasks/SchedulePage.vue";
export { default as SchedulesPage } from "./tasks/SchedulesPage.vue";
export { default as TaskPage } from "./tasks/TaskPage.vue";
export { default as TasksPage } from "./tasks/TasksPage.vue";
export { default as TokensPage } from "./access/TokensPage.vue";
